using System.Net;
using System.Net.Sockets;
using Shouldly;
using Xunit;

namespace Weft.Scenarios.CommandLine;

/// <summary>What a person reads who starts Weft where it cannot start, or twice.</summary>
public sealed class StartTests
{
    [Theory(Timeout = 60_000)]
    [InlineData("up", "--api", "--xds")]
    [InlineData("control", "--xds", "--api")]
    public async Task A_port_in_use_is_said_in_two_lines_and_nothing_else(string verb, string taken, string free)
    {
        await using var weft = new Installation();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var refused = await weft.WeftAsync(verb, taken, other.LocalEndpoint.ToString()!, free, "127.0.0.1:0");
        refused.Code.ShouldBe(1);
        var lines = refused.Error.TrimEnd('\n').Split('\n');
        lines.Length.ShouldBe(2, refused.Error);
        lines[0].ShouldContain("address already in use");
        lines[1].ShouldBe("--api 127.0.0.1:0 and --xds 127.0.0.1:0 take free ports");
    }

    [Fact(Timeout = 60_000)]
    public async Task The_command_that_a_refused_second_start_prints_ends_the_first_one()
    {
        await using var weft = new Installation();
        var data = Path.Combine(weft.Data, "another folder");
        (await weft.WeftAsync(["up", "--detach", "--data", data, .. weft.Ports])).ShouldSucceed();
        var refused = await weft.WeftAsync("up", "--data", data);
        refused.Code.ShouldBe(1);
        (await weft.ShellAsync(refused.Error.Split('`')[1])).ShouldSucceed().Out.ShouldBe("Weft is down\n");
        weft.LeftProcesses().ShouldBeEmpty();
    }
}
