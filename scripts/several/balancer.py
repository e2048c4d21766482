"""Programs in front of docroot: HAProxy, which spreads requests, and nginx, which keeps responses."""

import time
from contextlib import contextmanager

from measure import client, machine
from measure.process import Tree
from measure.servers import free_port

# Requests go to the servers in turn. A request is tried at another server if the first one did not begin to answer: GET
# may be repeated (RFC 9110 section 9.2.2). Before a server drains, /health on its admin listener answers 503 for a
# while, so no server gets a request while it drains.
HAPROXY = """
global
  maxconn 4000
  stats socket {state}/haproxy.sock
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  retries 3
  option redispatch
  retry-on conn-failure empty-response response-timeout
frontend all
  bind 127.0.0.1:{port}
  option forwardfor
  default_backend docroots
backend docroots
  balance roundrobin
  option httpchk GET /health
  default-server check inter 200ms fall 1 rise 1 send-proxy-v2
{servers}
"""

# It keeps what docroot allows it to keep, and asks again with the validator when that is too old.
NGINX = """
daemon off;
pid {state}/nginx.pid;
error_log {state}/nginx.log crit;
worker_processes 1;
events {{ worker_connections 1000; }}
http {{
  access_log off;
  client_body_temp_path {state}/body;
  proxy_temp_path {state}/proxy;
  fastcgi_temp_path {state}/fastcgi;
  uwsgi_temp_path {state}/uwsgi;
  scgi_temp_path {state}/scgi;
  proxy_cache_path {state}/cache keys_zone=c:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{origin};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache c;
      proxy_cache_revalidate on;
      add_header X-Cache-Status $upstream_cache_status always;
    }}
  }}
}}
"""


@contextmanager
def spreading(state, places):
    """HAProxy in front of servers on this machine, given as pairs of site port and admin port. Yields the port of HAProxy."""
    port = free_port()
    servers = "\n".join(f"  server docroot{number} 127.0.0.1:{one} port {health}" for number, (one, health) in enumerate(places))
    configuration = state / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(state=state, port=port, servers=servers))
    with _running([machine.tool("haproxy"), "-db", "-f", configuration], state / "haproxy.log") as tree:
        client.wait_for_connection(tree, port)
        _until_served(port)
        yield port, tree


@contextmanager
def keeping(state, origin):
    """nginx with a cache in front of the server at the port `origin`; its own port."""
    port = free_port()
    configuration = state / "nginx.conf"
    configuration.write_text(NGINX.format(state=state, port=port, origin=origin))
    command = [machine.tool("nginx"), "-e", state / "nginx.log", "-c", configuration]
    with _running(command, state / "nginx.out") as tree:
        client.wait_for_connection(tree, port)
        yield port


@contextmanager
def _running(command, output):
    with open(output, "ab") as log:
        tree = Tree(command, log)
    try:
        yield tree
    finally:
        tree.stop()


def _until_served(port):
    deadline = time.monotonic() + client.PATIENCE
    while client.fetch(port, "/small.txt").status != 200:
        if time.monotonic() > deadline:
            raise RuntimeError("no server is behind the balancer")
        time.sleep(0.05)
