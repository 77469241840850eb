"""Accounts, organisations, sign-ins and sessions: who somebody is and what the person may do."""
