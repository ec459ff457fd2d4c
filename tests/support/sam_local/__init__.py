"""What `sam local` needs around it: a Docker daemon, an image of Lambda's Python runtime, and AWS services."""
