"""papscope.sources"""
