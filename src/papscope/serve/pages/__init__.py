"""The web app: templates, scripts and styles, and the routes that hand them out."""
