"""`python -m platform.report` in a checkout is `sparring report` anywhere."""

if __name__ == "__main__":  # a spawned child runs this file again, by another name: it must not start a second report
    from sparring.cli import main

    main("report")
