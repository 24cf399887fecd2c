using System.Net;
using System.Net.Sockets;
using Shouldly;
using Xunit;

namespace Weft.Cli.Tests.Hosting;

public sealed class ControlHostTests
{
    [Theory]
    [InlineData("up")]
    [InlineData("up", "--demo")]
    [InlineData("up", "--detach")]
    [InlineData("control")]
    public async Task An_api_beyond_this_machine_is_refused_with_what_to_write_instead(params string[] verb)
    {
        using var folder = new TemporaryFolder();
        var cli = new TestCli();
        (await cli.RunAsync([.. verb, "--data", folder.Path, "--api", "0.0.0.0:15010"])).ShouldBe(ExitCode.Usage);
        cli.Error.ShouldStartWith("weft: --api 0.0.0.0:15010: the API has no authentication");
        cli.Error.ShouldContain("use --api 127.0.0.1:15010");
        Directory.GetFileSystemEntries(folder.Path).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_trust_domain_that_cannot_be_is_refused()
    {
        using var folder = new TemporaryFolder();
        var cli = new TestCli();
        (await cli.RunAsync("control", "--data", folder.Path, "--trust-domain", "A_B")).ShouldBe(ExitCode.Usage);
        cli.Error.ShouldContain("'A_B' is not a trust domain");
    }

    [Theory]
    [InlineData("up")]
    [InlineData("up", "--detach")]
    [InlineData("control")]
    public async Task A_data_folder_that_is_none_is_named_with_what_to_write_instead(params string[] verb)
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("file", "");
        var cli = new TestCli();
        (await cli.RunAsync([.. verb, "--data", file, "--api", "127.0.0.1:0", "--xds", "127.0.0.1:0"])).ShouldBe(ExitCode.Failed);
        cli.Error.ShouldStartWith($"weft: the data folder {file} cannot be used: ");
        cli.Error.ShouldEndWith("\nname another one with --data DIR (or WEFT_DATA)\n");
    }

    [Theory]
    [InlineData("--api", "--xds")]
    [InlineData("--xds", "--api")]
    public async Task A_port_in_use_is_two_lines_of_which_one_helps(string taken, string free)
    {
        using var folder = new TemporaryFolder();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var cli = new TestCli();
        (await cli.RunAsync("control", "--data", folder.Path, taken, other.LocalEndpoint.ToString()!, free, "127.0.0.1:0")).ShouldBe(ExitCode.Failed);
        cli.Error.ShouldContain($"{other.LocalEndpoint}: address already in use");
        cli.Error.ShouldEndWith("\n--api 127.0.0.1:0 and --xds 127.0.0.1:0 take free ports\n");
    }

    [Fact]
    public async Task A_second_one_on_a_folder_is_told_how_to_end_the_first_on_that_folder()
    {
        using var folder = new TemporaryFolder();
        folder.Write("control.json", $$"""{"api":"127.0.0.1:1","xds":"127.0.0.1:2","pid":{{System.Environment.ProcessId}}}""");
        var cli = new TestCli();
        (await cli.RunAsync("up", "--data", folder.Path)).ShouldBe(ExitCode.Failed);
        cli.Error.ShouldContain($"`weft down --data {folder.Path}` ends it");
    }
}
