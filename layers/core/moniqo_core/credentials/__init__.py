"""Encryption of wallet credentials: the key ring in Secrets Manager and the cipher on top of it."""
