"""The whole service on one computer: template.yaml served with real handlers, without Docker or an AWS account."""
