"""papscope.predict"""
