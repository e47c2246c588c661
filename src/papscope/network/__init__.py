"""papscope.network"""
