"""The Optuna study inside the referee: how the next configuration is drawn."""
