"""`python -m platform.search` in a checkout is `sparring search` anywhere."""

if __name__ == "__main__":  # a spawned child runs this file again, by another name: it must not start a second search
    from sparring.cli import main

    main("search")
