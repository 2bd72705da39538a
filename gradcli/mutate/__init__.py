"""Damage a backward on purpose: could this check have gone red?"""
