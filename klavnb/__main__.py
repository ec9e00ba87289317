"""Run klavnb's commands as `python -m klavnb`."""

from klavnb.cli import main

if __name__ == "__main__":
    main()
