"""`python -m platform.models` in a checkout is `sparring models` anywhere."""

if __name__ == "__main__":  # a spawned child runs this file again, by another name: it must not start a second models
    from sparring.cli import main

    main("models")
