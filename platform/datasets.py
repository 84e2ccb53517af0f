"""`python -m platform.datasets` in a checkout is `sparring datasets` anywhere."""

if __name__ == "__main__":  # a spawned child runs this file again, by another name: it must not start a second datasets
    from sparring.cli import main

    main("datasets")
