"""One module per route, with the name of its Lambda function. The folders are the tags of the OpenAPI document."""
