#!/usr/bin/python3
"""python3-redis against the server on the port that is given: redis_client.py PORT"""
import data_types
import connections
import harness

assert data_types and connections  # importing them registers their scenarios
harness.run("python3-redis")
