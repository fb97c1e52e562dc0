"""The operator, the API server and Jenkins controllers in one process, with a clock that tests advance: see `world`."""
