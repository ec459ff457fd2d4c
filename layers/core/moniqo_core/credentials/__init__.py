"""Encryption of wallet credentials: the key ring in Secrets Manager and the cipher that uses it."""
