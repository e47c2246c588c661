"""papscope.evaluate"""
