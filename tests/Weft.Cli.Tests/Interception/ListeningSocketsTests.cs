using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Cli.Interception;
using Xunit;

namespace Weft.Cli.Tests.Interception;

public sealed class ListeningSocketsTests
{
    [Fact]
    public void Sockets_of_this_process_are_found_with_their_address_and_holder()
    {
        using var tcp = new TcpListener(IPAddress.Loopback, 0);
        using var six = new TcpListener(IPAddress.IPv6Loopback, 0);
        using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        tcp.Start();
        six.Start();
        udp.Bind(new IPEndPoint(IPAddress.Any, 0));
        using var connected = new TcpClient();
        connected.Connect((IPEndPoint)tcp.LocalEndpoint);

        var found = ListeningSockets.Of("/proc/thread-self/net");
        var own = Of(tcp.LocalEndpoint, isUdp: false).ShouldHaveSingleItem();
        SocketHolder.User(own.Inode).ShouldBe(uint.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[2]));
        SocketHolder.User(long.MaxValue).ShouldBeNull();
        Of(six.LocalEndpoint, isUdp: false).ShouldHaveSingleItem().Address.ShouldBe(IPAddress.IPv6Loopback);
        Of(udp.LocalEndPoint!, isUdp: true).ShouldHaveSingleItem().Address.ShouldBe(IPAddress.Any);
        found.ShouldNotContain(s => s.Port == ((IPEndPoint)connected.Client.LocalEndPoint!).Port && s.Address.Equals(IPAddress.Loopback) && !s.IsUdp, "a connection listens for nothing");

        IEnumerable<ListeningSocket> Of(EndPoint at, bool isUdp) => found.Where(s => s.Port == ((IPEndPoint)at).Port && s.Address.Equals(((IPEndPoint)at).Address) && s.IsUdp == isUdp);
    }

    [Fact]
    public void A_line_gives_address_port_and_inode()
    {
        const string tcp = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 10 1 0000000000000000 100 0 0 10 0
               1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000 100 0 0 10 0
               2: 0100007F:0016 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0000000000000000 100 0 0 10 0

            """;
        ListeningSockets.Parse(tcp, isUdp: false).ShouldBe([new ListeningSocket(IPAddress.Loopback, 15001, false, 10), new ListeningSocket(IPAddress.Any, 80, false, 11)]);
        ListeningSockets.Parse("h\n 0: 00000000000000000000000001000000:3ACD 0:0 07 0:0 0:0 0 5 0 77\n", isUdp: true).ShouldBe([new ListeningSocket(IPAddress.IPv6Loopback, 15053, true, 77)]);
    }

    [Theory]
    [InlineData("0.0.0.0", true, false, true)]
    [InlineData("127.0.0.1", true, false, false)]
    [InlineData("::", true, true, true)]
    [InlineData("::1", false, true, false)]
    [InlineData("10.0.0.1", false, false, true)]
    public void Where_a_socket_listens_decides_what_reaches_it(string address, bool four, bool six, bool foreign)
    {
        var socket = new ListeningSocket(IPAddress.Parse(address), 1, false, 0);
        (socket.TakesLocal(AddressFamily.InterNetwork), socket.TakesLocal(AddressFamily.InterNetworkV6), socket.TakesForeign).ShouldBe((four, six, foreign));
    }

    [Theory]
    [InlineData("nameserver 127.0.0.53\noptions edns0\n", "127.0.0.53")]
    [InlineData("# nameserver 9.9.9.9\nnameserver\t10.0.0.2\nnameserver fd00::53 # two\nnameserver 10.0.0.2\nsearch a b\n", "10.0.0.2,fd00::53")]
    [InlineData("nameserver nonsense\n", "127.0.0.1")]
    [InlineData("", "127.0.0.1")]
    public void Name_servers_are_those_that_a_resolver_would_ask(string file, string servers) => string.Join(',', NameServers.Parse(file)).ShouldBe(servers);
}
