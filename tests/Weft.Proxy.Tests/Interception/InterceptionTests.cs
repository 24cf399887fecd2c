using System.Net;
using System.Net.Sockets;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Listener.OriginalDst.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Interception;

/// <summary>
/// Real redirects by nftables in a network namespace of the test's own, real clients inside of it, and the proxy outside, with its listening sockets inside: as <c>weft run --transparent</c>
/// has it.
/// </summary>
public sealed class InterceptionTests
{
    private const int Port = 15001;
    private const string VirtualAddress = "240.240.0.7";
    private const string VirtualAddress6 = "fd77:6566:7400::7";

    /// <summary>On the machine's loopback, where the proxy connects to; inside of the namespace nobody listens there.</summary>
    private static readonly IPAddress Outside = IPAddress.Parse("127.77.0.1");

    private static string Manager(string transparent = "") =>
        "{\"route_config\": {\"name\": \"none\"}, \"http_filters\": [{\"name\": \"weft.v1.transparent\", \"typed_config\": "
        + $"{{\"@type\": \"type.googleapis.com/weft.v1.Transparent\", \"lookup_timeout\": \"0.5s\"{transparent}}}}}]}}";

    private const string Deny = ", \"egress\": \"DENY\", \"policy\": \"Mesh default\"";

    internal static ProxyUnderTest Intercept(TestNamespace inside, string transparent = "")
    {
        inside.RedirectTo(Port);
        return new ProxyUnderTest().Listen(Manager(transparent), Port, l =>
        {
            l.AdditionalAddresses.Add(new AdditionalAddress { Address = new Address { SocketAddress = new() { Address = "::1", PortValue = Port } } });
            l.ListenerFilters.Add(new ListenerFilter { Name = "envoy.filters.listener.original_dst", TypedConfig = Any.Pack(new OriginalDst()) });
            l.Metadata = NetworkNamespaceTests.WithNamespace(inside.Path);
        });
    }

    private static ScriptedBackend Web(IPAddress? address = null) => ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", address);

    /// <summary>Sends what it is given, ends its direction, and prints all that comes back; "reset" when the connection is.</summary>
    private static string Talk(string host, int port, string say) => $$"""
        import socket
        s = socket.create_connection(('{{host}}', {{port}}), 10)
        try:
            s.sendall({{say}})
            s.shutdown(socket.SHUT_WR)
            while (b := s.recv(65536)): print(b.decode(), end='')
        except OSError as e:
            print('reset' if isinstance(e, ConnectionError) or e.errno == 107 else e) # 107: a reset came before the end was said
        """;

    [Fact]
    public async Task A_port_that_declares_nothing_is_served_as_what_its_two_sides_speak()
    {
        var python = Tool.Require("python3", "python3");
        using var inside = new TestNamespace();
        await using var greets = new ScriptedBackend(async c => await c.SendAsync("220 mx.example\r\n"));
        await using var web = Web();
        await using var proxy = Intercept(inside, Deny);
        proxy.UndeclaredService("catalog.default:80", "backend").Name("catalog", "default", VirtualAddress);

        proxy.Cluster("backend", [greets.Address]);
        var greeted = await inside.RunAsync(python, "-c", $"import socket; print(socket.create_connection(('{VirtualAddress}', 80), 10).recv(100))");
        greeted.ShouldBe((0, "b'220 mx.example\\r\\n'\n"));

        proxy.Cluster("backend", [web.Address]);
        (await inside.RunAsync(Tool.Require("curl", "curl"), "-sS", $"http://{VirtualAddress}/")).ShouldBe((0, "ok"));
        proxy.Metric("weft_detection_total{found=\"server_first\"}").ShouldBe(1);
        proxy.Metric("weft_detection_total{found=\"http\"}").ShouldBe(1);
        proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(VirtualAddress)]
    [InlineData($"[{VirtualAddress6}]")]
    public async Task A_request_goes_to_the_service_behind_its_address_whatever_Host_says(string address)
    {
        var curl = Tool.Require("curl", "curl");
        using var inside = new TestNamespace();
        await using var backend = Web();
        await using var proxy = Intercept(inside, Deny);
        proxy.Cluster("backend", [backend.Address]).Service("catalog.default:80", "backend").Name("catalog", "default", VirtualAddress, VirtualAddress6);

        var (code, output) = await inside.RunAsync(curl, "-sgS", "-H", "Host: says.anything", $"http://{address}/a", $"http://{address}/b");

        (code, output).ShouldBe((0, "okok"));
        backend.Requests.Count.ShouldBe(2);
        backend.Requests[0].ShouldContain("host: says.anything\r\n", Case.Insensitive);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Bytes_go_to_the_service_behind_their_address()
    {
        var python = Tool.Require("python3", "python3");
        using var inside = new TestNamespace();
        await using var backend = new ScriptedBackend(async c => await c.SendAsync($"got {await c.ReadToEndAsync()}"));
        await using var proxy = Intercept(inside, Deny);
        proxy.Cluster("backend", [backend.Address]).ByteService("db.default:5432", "backend").Name("db", "default", VirtualAddress);

        (await inside.RunAsync(python, "-c", Talk(VirtualAddress, 5432, "b'select'"))).ShouldBe((0, "got select"));
        proxy.Faults.ShouldBeEmpty();
    }

    /// <summary>Nobody has declared what the port carries: a server that speaks first and a client of HTTP are told apart on it.</summary>
    [Fact]
    public async Task An_undeclared_port_shows_what_it_carries()
    {
        var (curl, python) = (Tool.Require("curl", "curl"), Tool.Require("python3", "python3"));
        using var inside = new TestNamespace();
        await using var web = Web();
        await using var smtp = new ScriptedBackend(async c =>
        {
            await c.SendAsync("220 hello\r\n");
            await c.SendAsync($"got {await c.ReadToEndAsync()}");
        });
        await using var proxy = Intercept(inside, Deny);
        proxy.Cluster("web", [web.Address]).Cluster("smtp", [smtp.Address]).UndeclaredService("web.default:80", "web").UndeclaredService("smtp.default:25", "smtp")
            .Name("web", "default", VirtualAddress).Name("smtp", "default", VirtualAddress6);

        (await inside.RunAsync(curl, "-sS", $"http://{VirtualAddress}/")).ShouldBe((0, "ok"));
        web.Requests.Single().ShouldContain("x-request-id"); // as a request, and not as bytes
        (await inside.RunAsync(python, "-c", Talk(VirtualAddress6, 25, "b'EHLO me'"))).ShouldBe((0, "220 hello\r\ngot EHLO me"));
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_name_that_is_not_known_yet_is_waited_for_and_not_for_long()
    {
        var curl = Tool.Require("curl", "curl");
        using var inside = new TestNamespace();
        await using var backend = Web();
        await using var proxy = Intercept(inside, Deny);
        var asked = proxy.AskedNames();
        proxy.Cluster("backend", [backend.Address]).Service("catalog.default:80", "backend");

        var answer = inside.RunAsync(curl, "-sS", $"http://{VirtualAddress}/");
        while (asked.IsEmpty) await Task.Delay(10, TestContext.Current.CancellationToken);
        asked.ShouldBe([VirtualAddress]);
        proxy.Name("catalog", "default", VirtualAddress);
        (await answer).ShouldBe((0, "ok"));

        // What nobody can tell in time counts as outside.
        (await inside.RunAsync(curl, "-sSi", "http://240.240.0.8/")).Output.ShouldContain("240.240.0.8:80 is not in the mesh");
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_is_outside_of_the_mesh_passes_through_untouched_and_is_counted()
    {
        var (curl, python) = (Tool.Require("curl", "curl"), Tool.Require("python3", "python3"));
        using var inside = new TestNamespace();
        await using var web = Web(Outside);
        await using var smtp = new ScriptedBackend(async c =>
        {
            await c.SendAsync("220 hello\r\n"); // it speaks first
            await c.SendAsync($"got {await c.ReadToEndAsync()}");
        }, Outside);
        await using var proxy = Intercept(inside);

        (await inside.RunAsync(curl, "-sS", $"http://{web.Address}/")).ShouldBe((0, "ok"));
        web.Requests.Single().ShouldNotContain("x-request-id"); // not a byte of it was the proxy's
        (await inside.RunAsync(python, "-c", Talk(Outside.ToString(), smtp.Address.Port, "b'EHLO'"))).ShouldBe((0, "220 hello\r\ngot EHLO"));
        proxy.Connections().ShouldContain(c => c.Edge.Destination == "passthrough");
        proxy.Admission.OwnConnections.Count.ShouldBe(0);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_denied_destination_is_answered_403_over_HTTP_and_reset_otherwise_and_both_name_the_policy()
    {
        var (curl, python) = (Tool.Require("curl", "curl"), Tool.Require("python3", "python3"));
        using var inside = new TestNamespace();
        await using var backend = Web(Outside);
        await using var proxy = Intercept(inside, Deny);

        var (_, answer) = await inside.RunAsync(curl, "-si", $"http://{backend.Address}/");
        answer.ShouldStartWith("HTTP/1.1 403");
        answer.ShouldContain("x-weft-fault: egress-denied");
        answer.ShouldContain($"{backend.Address} is not in the mesh, and 'Mesh default' denies egress");

        var (_, output) = await inside.RunAsync(python, "-c", Talk(Outside.ToString(), backend.Address.Port, "b'\\x16\\x03\\x01 no http'"));
        output.ShouldContain("reset");
        backend.Connections.ShouldBe(0);
        proxy.Metric("weft_egress_denied_total{policy=\"Mesh default\"}").ShouldBe(2);
        proxy.Metric("weft_connections_refused_total{reason=\"egress-denied\"}").ShouldBe(1);
        proxy.Warnings.Single().ShouldContain("'Mesh default' denies egress");
    }

    [Fact]
    public async Task A_client_of_HTTP_that_is_denied_has_the_grace_that_is_configured_to_say_so()
    {
        using var inside = new TestNamespace();
        await using var proxy = Intercept(inside, Deny + ", \"denial_grace\": \"30s\"");

        var (_, output) = await inside.RunAsync(Tool.Require("python3", "python3"), "-c", $$"""
            import socket, time
            s = socket.create_connection(('{{Outside}}', 80), 10)
            time.sleep(1.5) # longer than the default
            s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
            print(s.recv(100))
            """);

        output.ShouldContain("HTTP/1.1 403");
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_destination_where_nobody_listens_and_a_port_that_a_service_has_not_are_reset()
    {
        var python = Tool.Require("python3", "python3");
        using var inside = new TestNamespace();
        await using var proxy = Intercept(inside);
        proxy.Service("catalog.default:81", null).Name("catalog", "default", VirtualAddress);

        (await inside.RunAsync(python, "-c", Talk(Outside.ToString(), Ports.Free(), "b'x'"))).Output.ShouldContain("reset");
        (await inside.RunAsync(python, "-c", Talk(VirtualAddress, 81, "b'x'"))).Output.ShouldContain("reset");
        proxy.Metric("weft_connections_refused_total{reason=\"no-route\"}").ShouldBe(1);
        proxy.Warnings.Single().ShouldEndWith("service catalog.default has no port 81");
    }

    [Fact]
    public async Task What_is_meant_for_a_service_that_is_gone_does_not_leave_the_machine()
    {
        var curl = Tool.Require("curl", "curl");
        using var inside = new TestNamespace();
        await using var proxy = Intercept(inside, ", \"virtual_addresses\": [{\"address_prefix\": \"127.77.0.0\", \"prefix_len\": 16}]");
        await using var web = Web(Outside); // it would be reached, were it passed through
        (await inside.RunAsync(curl, "-sS", $"http://{web.Address}/")).ExitCode.ShouldBeOneOf(7, 56); // while it connects, or after
        web.Connections.ShouldBe(0);
        proxy.Warnings.Single().ShouldEndWith($"no service of the mesh has the address {Outside}");
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_connection_to_the_listener_itself_is_reset()
    {
        var python = Tool.Require("python3", "python3");
        using var inside = new TestNamespace();
        await using var proxy = Intercept(inside);
        (await inside.RunAsync(python, "-c", Talk("127.0.0.1", Port, "b'x'"))).Output.ShouldContain("reset");
        proxy.Metric("weft_connections_refused_total{reason=\"loop\"}").ShouldBe(1);
    }

    /// <summary>Plain xDS: tcp_proxy to a cluster of type ORIGINAL_DST, whose connections are made in the same namespace and so are redirected like everybody's.</summary>
    [Fact]
    public async Task A_connection_of_the_proxys_own_that_comes_back_ends_the_circle()
    {
        var python = Tool.Require("python3", "python3");
        using var inside = new TestNamespace();
        inside.RedirectTo(Port);
        await using var proxy = new ProxyUnderTest().OriginalDestination("original", NetworkNamespaceTests.WithNamespace(inside.Path));
        proxy.ListenBytes("\"cluster\": \"original\"", l =>
        {
            l.ListenerFilters.Add(new ListenerFilter { Name = "original_dst", TypedConfig = Any.Pack(new OriginalDst()) });
            l.Metadata = NetworkNamespaceTests.WithNamespace(inside.Path);
        }, Port);

        (await inside.RunAsync(python, "-c", Talk("192.0.2.1", 80, "b'x'"))).Output.ShouldContain("reset");
        proxy.Metric("weft_connections_refused_total{reason=\"loop\"}").ShouldBe(1);
        proxy.Admission.OwnConnections.Count.ShouldBe(0);
    }
}
