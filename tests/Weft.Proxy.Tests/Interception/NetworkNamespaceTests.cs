using System.Net;
using System.Net.Sockets;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Interception;

/// <summary>Sockets in another network namespace than the proxy's, and listeners with several addresses.</summary>
public sealed class NetworkNamespaceTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    internal static Metadata WithNamespace(string path) => new() { FilterMetadata = { ["weft.dev"] = new Struct { Fields = { ["network_namespace"] = Value.ForString(path) } } } };

    private static string ClusterIn(string path) => $"{{\"metadata\": {{\"filter_metadata\": {{\"weft.dev\": {{\"network_namespace\": \"{path}\"}}}}}}}}";

    [Fact]
    public async Task A_listener_listens_in_its_namespace_alone()
    {
        var curl = Tool.Require("curl", "curl");
        using var inside = new TestNamespace();
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(), change: l => l.Metadata = WithNamespace(inside.Path));

        (await inside.RunAsync(curl, "-sS", $"http://{proxy.Address}/")).ShouldBe((0, "ok"));
        await Should.ThrowAsync<SocketException>(() => RawClient.ConnectAsync(proxy.Address)); // out here nobody listens
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_clusters_endpoints_are_reached_in_its_namespace()
    {
        var (curl, python) = (Tool.Require("curl", "curl"), Tool.Require("python3", "python3"));
        using var inside = new TestNamespace();
        using var server = inside.Start(python, "-m", "http.server", "8000", "--bind", "127.0.0.1");
        try
        {
            while ((await inside.RunAsync(curl, "-so", "/dev/null", "http://127.0.0.1:8000/")).ExitCode != 0) await Task.Delay(50, TestContext.Current.CancellationToken);
            await using var proxy = new ProxyUnderTest().Listen(ProxyUnderTest.RouteAll()).Cluster("backend", [IPEndPoint.Parse("127.0.0.1:8000")], ClusterIn(inside.Path));
            using var client = await RawClient.ConnectAsync(proxy.Address);
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Body.ShouldContain("Directory listing");
        }
        finally
        {
            server.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public async Task A_namespace_that_is_not_there_refuses_the_listener_and_fails_the_connection_by_name()
    {
        const string Nobody = "/run/netns/nobody";
        await using var proxy = new ProxyUnderTest();
        proxy.TryListen(ProxyUnderTest.RouteAll(), 0, change: l => l.Metadata = WithNamespace(Nobody))
            .ShouldBe($"cannot listen on 127.0.0.1:0 in {Nobody}: opening the network namespace '{Nobody}': no such file or directory");

        proxy.Listen(ProxyUnderTest.RouteAll()).Cluster("backend", [IPEndPoint.Parse("127.0.0.1:8000")], ClusterIn(Nobody));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        answer["x-weft-fault"].ShouldBe("connect-failure");
        answer.Body.ShouldContain($"opening the network namespace '{Nobody}': no such file or directory");
        proxy.Faults.ShouldBeEmpty();
    }

    /// <summary>The path of a namespace is taken by another one, as when an application is started again.</summary>
    [Fact]
    public async Task A_listener_that_is_made_anew_listens_in_the_namespace_that_has_the_path_now()
    {
        var curl = Tool.Require("curl", "curl");
        using var inside = new TestNamespace();
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(), 15001, l => l.Metadata = WithNamespace(inside.Path));
        (await inside.RunAsync(curl, "-sS", "http://127.0.0.1:15001/")).ShouldBe((0, "ok"));

        inside.Replace();
        proxy.Listen(ProxyUnderTest.RouteAll(), 15002, l => l.Metadata = WithNamespace(inside.Path));

        (await inside.RunAsync(curl, "-sS", "http://127.0.0.1:15002/")).ShouldBe((0, "ok"));
        proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // names: datagrams and connections
    public async Task Without_IPv6_an_additional_address_of_it_is_left_out_and_said_so(bool names)
    {
        using var inside = new TestNamespace();
        if ((await inside.RunAsync("/bin/sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")).ExitCode != 0) Assert.Skip("needs a /proc/sys that can be written to");
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest(workers: 2).Cluster("backend", [backend.Address]);
        var address = new AdditionalAddress { Address = new Address { SocketAddress = new() { Address = "::1", PortValue = 15001 } } };
        proxy.Listen(ProxyUnderTest.RouteAll(), 15001, l =>
        {
            l.AdditionalAddresses.Add(address);
            l.Metadata = WithNamespace(inside.Path);
            if (names) DnsOf(l);
        });

        if (!names) (await inside.RunAsync(Tool.Require("curl", "curl"), "-sS", "http://127.0.0.1:15001/")).ShouldBe((0, "ok"));
        proxy.DataPlane.Listeners.Addresses.Select(a => a.Value).ShouldBe([IPEndPoint.Parse("127.0.0.1:15001")]);
        proxy.Warnings.ShouldHaveSingleItem().ShouldBe($"'in' cannot listen on [::1]:15001 in {inside.Path}: bind to [::1]:15001: cannot assign requested address: there is no IPv6 here, and it goes on without");

        // Asked for alone, it is refused.
        proxy.TryListen(ProxyUnderTest.RouteAll(), 15003, change: l =>
        {
            l.Address = address.Address;
            l.Metadata = WithNamespace(inside.Path);
        }).ShouldNotBeNull().ShouldContain("cannot assign requested address");
        proxy.Faults.ShouldBeEmpty();

        static void DnsOf(Listener listener)
        {
            listener.Address.SocketAddress.Protocol = Envoy.Config.Core.V3.SocketAddress.Types.Protocol.Udp;
            listener.UdpListenerConfig = new();
            listener.FilterChains.Clear();
            listener.ListenerFilters.Add(new ListenerFilter { Name = "weft.v1.mesh_names", TypedConfig = Any.Pack(new Weft.V1.MeshNames { DefaultNamespace = "default" }) });
            listener.ListenerFilters.Add(new ListenerFilter { Name = "dns", TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Udp.DnsFilter.V3.DnsFilterConfig { StatPrefix = "names" }) });
        }
    }

    [Theory]
    [InlineData("::1", 97, true)] // EAFNOSUPPORT: the kernel has none
    [InlineData("::", 97, true)]
    [InlineData("::1", 99, true)] // EADDRNOTAVAIL: it was taken away
    [InlineData("fd00::1", 99, false)] // may be a mistake
    [InlineData("127.0.0.1", 99, false)]
    [InlineData("::1", 98, false)] // in use
    [InlineData("::1", 0, false)]
    public void Only_an_address_that_every_machine_with_IPv6_has_shows_that_there_is_none(string address, int errno, bool absent) =>
        Weft.Proxy.Listening.AbsentFamily.Explains(new IPEndPoint(IPAddress.Parse(address), 80), errno).ShouldBe(absent);

    [Fact]
    public async Task A_listener_has_several_addresses()
    {
        if (!Socket.OSSupportsIPv6) Assert.Skip("needs IPv6");
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest(workers: 2).Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(), change: l =>
            l.AdditionalAddresses.Add(new AdditionalAddress { Address = new Address { SocketAddress = new() { Address = "::1", PortValue = 0 } } }));
        var addresses = proxy.DataPlane.Listeners.Addresses.Select(a => a.Value).ToList();
        addresses.Select(a => a.Address).ShouldBe([IPAddress.Loopback, IPAddress.IPv6Loopback]);
        foreach (var address in addresses)
        {
            using var client = await RawClient.ConnectAsync(address);
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_IPv6_wildcard_takes_IPv4_where_it_is_told_to(bool compatible)
    {
        if (!Socket.OSSupportsIPv6) Assert.Skip("needs IPv6");
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(manager: "\"use_remote_address\": true"), change: l =>
        {
            l.Address.SocketAddress.Address = "::";
            l.Address.SocketAddress.Ipv4Compat = compatible;
        });
        var v4 = new IPEndPoint(IPAddress.Loopback, proxy.Address.Port);
        if (!compatible)
        {
            await Should.ThrowAsync<SocketException>(() => RawClient.ConnectAsync(v4));
            return;
        }
        using var client = await RawClient.ConnectAsync(v4);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        backend.Requests.Single().ShouldContain("x-forwarded-for: 127.0.0.1\r\n"); // never ::ffff:127.0.0.1
    }
}
