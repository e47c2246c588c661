"""papscope.train"""
