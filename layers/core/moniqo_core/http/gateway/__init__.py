"""What API Gateway sends to a function, and what it expects back."""
