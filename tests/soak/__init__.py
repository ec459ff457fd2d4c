"""Long runs that break things on purpose: `make soak`, and a part of it in CI by `make faults`."""
