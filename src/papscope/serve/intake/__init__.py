"""How bytes from strangers become pictures.

Takes   what was sent: pictures, archives, whole requests, under whatever names
Gives   pixels, written anew as the simplest of PNG files, or the reason why not
Never   decodes a stranger's bytes in the service's own process, or believes a name or a header
"""
