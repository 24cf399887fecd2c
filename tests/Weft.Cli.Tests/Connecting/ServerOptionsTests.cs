using Shouldly;
using Xunit;

namespace Weft.Cli.Tests.Connecting;

public sealed class ServerOptionsTests
{
    [Fact]
    public async Task The_flag_wins_over_the_environment_and_that_over_the_data_folder()
    {
        using var folder = new TemporaryFolder();
        folder.Write("control.json", $$"""{"api":"127.0.0.1:1","xds":"127.0.0.1:2","pid":{{System.Environment.ProcessId}}}""");
        var seen = new List<string>();
        var cli = new TestCli { Answer = (request, _) => { seen.Add(request.RequestUri!.Authority); return (System.Net.HttpStatusCode.OK, "{}"); } };
        cli.Environment["WEFT_DATA"] = folder.Path;
        await cli.RunAsync("stat", "--server", "flag:1");
        await cli.RunAsync("stat");
        cli.Environment.Remove("WEFT_SERVER");
        await cli.RunAsync("stat");
        cli.Environment.Remove("WEFT_DATA");
        cli.Environment["HOME"] = folder.Path; // ~/.weft, where nothing is
        (await cli.RunAsync("stat")).ShouldBe(ExitCode.Unreachable);
        seen.ShouldBe(["flag:1", "control.test:15010", "127.0.0.1:1"]);
    }
}
