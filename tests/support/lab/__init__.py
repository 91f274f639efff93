"""The lab: a throw-away world of real servers on loopback, for the system tests and the demo.

    from lab import Apache, Chronyd, Nginx, World

    with World() as world:
        nginx, late = world.start(
            Nginx(world.folder("nginx"), world.certificate),
            Apache(world.folder("apache"), world.certificate, clock_offset=-600),
        )
        chronyd = world.run(Chronyd(world.folder("chrony")))
        ...

What lives where:

    world         World: a temporary folder, a certificate authority, all that runs; cleaned up however it ends
    certificates  the authority: any names and addresses, any validity, self-signed, intermediates
    webservers    nginx, Apache, lighttpd, Caddy, each with an optionally wrong clock
    caches        caches in front of a server: nginx, HAProxy, Varnish, Squid, Apache, Traffic Server
    late_tickers  servers that are right, but late in refreshing their Date, each as a program that people run is
    hostile       a server whose behaviour is a list of steps, and which keeps the requests; a black hole
    behaviours    its behaviours by name, sorted by what a client must make of them
    client_hello  how a client begins a TLS connection, taken apart
    chrony        chronyd that cannot touch the clock or a network; a recorder of SOCK samples
    tor           a private Tor network with onion services and clients
    proxies       microsocks, with names that it alone can resolve
    settings      configuration files from data
    commands      running our executables with a watch on time and memory; the daemon and its rounds
    checks        LabTest, the assertions that scenarios share
    rounds        RoundTest, the same for whole rounds of `sdwdate sync`
    daemons       what all foreground processes have in common; libfaketime's variables
    namespaces    running a program without network, or with other files, where nobody else sees it
    private_machine  a whole test program with processes, networks and system folders of its own; packets counted
    chrony_service   chronyd there as the installed service has it, and the sockets over which it is asked
    paths         a relay that makes the way to a server longer
    ports         loopback ports that nobody else gets
    waiting       wait_until, LabError

Everything is on loopback. Nothing sets this machine's clock. Processes are ended by their own id.
"""

from .behaviours import (
    AGE_ZERO, HONEST, MEASURABLE, MEASURABLE_AT_FIRST, MEASURABLE_TWICE, REFUSED, dated, in_the_year,
)  # fmt: skip
from .caches import (
    BRIEF, ApacheCache, CachingServer, HaproxyCache, HaproxyInFront, NginxCache, NginxCacheOldDate, PlainNginx, Squid,
    TrafficServer, Varnish, fill,
)  # fmt: skip
from .certificates import Certificate, CertificateAuthority, Validity
from .checks import LabTest
from .chrony import SAMPLE_LAYOUT, SAMPLE_MAGIC, Chronyd, SampleRecorder, SockSample, abandoned_socket
from .chrony_service import AnswerSocket, ServiceChronyd
from .commands import BIN, Result, Sdwdated, as_nobody, copy_of_executables, executable, in_parallel, query, run
from .client_hello import HelloCatcher
from .daemons import Daemon, faketime_environment, find_program
from .hostile import Behaviour, BlackHole, HostileServer
from .namespaces import in_namespaces
from .paths import DelayedPath
from .ports import accepts, dead_port, free_port
from .private_machine import Network, PacketCounter, enter_private_machine
from .proxies import Microsocks
from .rounds import RoundTest
from .settings import Pool, Settings, Source
from .waiting import LabError, wait_until
from .webservers import Apache, Caddy, Lighttpd, LighttpdLateBy, Nginx, WebServer, trusting_connection
from .world import Interrupted, World

__all__ = [
    "AGE_ZERO", "BIN", "BRIEF", "HONEST", "MEASURABLE", "MEASURABLE_AT_FIRST", "MEASURABLE_TWICE", "REFUSED",
    "SAMPLE_LAYOUT", "SAMPLE_MAGIC", "AnswerSocket", "Apache", "ApacheCache", "Behaviour", "BlackHole",
    "CachingServer", "Caddy", "Certificate", "CertificateAuthority", "Chronyd", "Daemon", "DelayedPath",
    "HaproxyCache", "HaproxyInFront", "HelloCatcher", "HostileServer", "Interrupted", "LabError", "LabTest",
    "Lighttpd", "LighttpdLateBy", "Microsocks", "Network", "Nginx", "NginxCache", "NginxCacheOldDate",
    "PacketCounter", "PlainNginx", "Pool", "Result", "RoundTest", "SampleRecorder", "Sdwdated", "ServiceChronyd",
    "Settings", "SockSample", "Source", "Squid", "TrafficServer", "Validity", "Varnish", "WebServer", "World", "abandoned_socket", "accepts", "as_nobody",
    "copy_of_executables", "dated", "dead_port", "enter_private_machine", "executable", "faketime_environment", "fill",
    "find_program", "free_port", "in_namespaces", "in_parallel", "in_the_year", "query", "run", "trusting_connection",
    "wait_until",
]  # fmt: skip
