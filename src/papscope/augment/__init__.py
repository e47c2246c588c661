"""papscope.augment"""
