"""`python -m orderwright`: the command line."""

from orderwright.cli import main

if __name__ == "__main__":
    main()
