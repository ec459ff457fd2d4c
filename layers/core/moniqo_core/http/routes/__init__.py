"""One module per route, named as the Lambda function that serves it; folders are the tags of the OpenAPI document."""
