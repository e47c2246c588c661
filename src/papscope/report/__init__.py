"""papscope.report"""
