using System.Net;
using Shouldly;
using Xunit;

namespace Weft.Cli.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("up")]
    [InlineData("down")]
    [InlineData("run")]
    [InlineData("intercept")]
    [InlineData("apply")]
    [InlineData("get")]
    [InlineData("describe")]
    [InlineData("delete")]
    [InlineData("validate")]
    [InlineData("stat")]
    [InlineData("status")]
    [InlineData("control")]
    [InlineData("proxy")]
    [InlineData("bootstrap")]
    [InlineData("version")]
    public async Task Every_verb_stands_in_the_help_and_has_help_of_its_own(string verb)
    {
        var cli = new TestCli();
        (await cli.RunAsync("--help")).ShouldBe(ExitCode.Ok);
        cli.Out.ShouldContain($"\n  {verb}");
        (await cli.RunAsync(verb, "--help")).ShouldBe(ExitCode.Ok);
        cli.Out.ShouldContain("Description:");
    }

    [Fact]
    public async Task No_verb_prints_the_help_and_fails()
    {
        var cli = new TestCli();
        (await cli.RunAsync()).ShouldBe(ExitCode.Usage);
        cli.Out.ShouldContain("Commands:");
    }

    [Theory]
    [InlineData("stat --wrong", "--wrong")]
    [InlineData("stat edges", "edges")]
    [InlineData("apply", "--filename")]
    [InlineData("stat -o xml", "xml")]
    [InlineData("get nothing", "no kind \"nothing\"")]
    [InlineData("get", "name a kind: namespaces")]
    [InlineData("get service/a b", "KIND NAME or KIND/NAME")]
    [InlineData("get services a -A", "-n NS")]
    [InlineData("delete service", "name the service")]
    [InlineData("describe service", "get services")]
    [InlineData("apply -f x --timeout soon", "30s")]
    [InlineData("run --service a --port 0 -- true", "no port")]
    [InlineData("run --service a --label x -- true", "KEY=VALUE")]
    [InlineData("run --service a --upstream 7000:b -- true", "7001:catalog:80")]
    [InlineData("run --service a --address here -- true", "not an IP address")]
    [InlineData("run --service a", "COMMAND")]
    [InlineData("up --api nowhere", "IP:PORT")]
    [InlineData("stat --server ftp://x", "http://HOST:PORT")]
    public async Task A_wrong_command_line_is_answered_with_2_and_names_what_is_wrong(string line, string named)
    {
        var cli = new TestCli();
        (await cli.RunAsync(line.Split(' '))).ShouldBe(ExitCode.Usage);
        cli.Error.ShouldContain(named);
        cli.Out.ShouldBeEmpty();
    }

    [Fact]
    public async Task No_control_plane_is_answered_with_3_and_how_to_start_one()
    {
        var cli = new TestCli { Answer = (_, _) => throw new HttpRequestException("Connection refused") };
        (await cli.RunAsync("stat")).ShouldBe(ExitCode.Unreachable);
        cli.Error.ShouldContain("no control plane answers at http://control.test:15010");
        cli.Error.ShouldContain("weft up");

        using var folder = new TemporaryFolder();
        cli.Environment.Remove("WEFT_SERVER");
        (await cli.RunAsync("stat", "--data", folder.Path)).ShouldBe(ExitCode.Unreachable);
        cli.Error.ShouldContain($"no control plane runs on {folder.Path}");
    }

    [Fact]
    public async Task An_answer_that_is_not_ours_is_no_control_plane()
    {
        var cli = new TestCli { Answer = (_, _) => (HttpStatusCode.OK, "<html>") };
        (await cli.RunAsync("stat")).ShouldBe(ExitCode.Unreachable);
        cli.Error.ShouldContain("is that a Weft control plane?");
    }
}
