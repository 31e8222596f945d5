"""What cronbox costs, each figure beside a baseline taken in the same call: `python -m benchmarks`."""
