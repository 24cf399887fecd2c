using Shouldly;
using Weft.Cli.Connecting;
using Xunit;

namespace Weft.Cli.Tests.Connecting;

/// <summary>Commands that are printed for copying act on the folder that the printing one acted on.</summary>
public sealed class DataFolderTests
{
    [Theory]
    [InlineData("/nowhere/.weft", null, "weft down")]
    [InlineData("/tmp/mesh", null, "weft down --data /tmp/mesh")]
    [InlineData("/tmp/my mesh's", null, @"weft down --data '/tmp/my mesh'\''s'")]
    [InlineData("/tmp/mesh", "/tmp/mesh", "weft down --data /tmp/mesh")] // the variable may be this terminal's alone
    [InlineData("/nowhere/.weft", "/tmp/mesh", "weft down --data /nowhere/.weft")]
    public void A_printed_command_carries_the_folder_that_another_terminal_would_not_find(string path, string? variable, string command)
    {
        var cli = new TestCli();
        if (variable is not null) cli.Environment["WEFT_DATA"] = variable;
        new DataFolder(path).Command("down", cli.Context(TextWriter.Null, TextWriter.Null)).ShouldBe(command);
    }

    [Fact]
    public async Task Whoever_finds_no_control_plane_is_told_to_start_one_on_the_same_folder()
    {
        using var folder = new TemporaryFolder();
        var cli = new TestCli();
        cli.Environment.Remove("WEFT_SERVER");
        (await cli.RunAsync("stat", "--data", folder.Path)).ShouldBe(ExitCode.Unreachable);
        cli.Error.ShouldContain($"start it with `weft up --data {folder.Path}`");

        folder.Write("control.json", $$"""{"api":"127.0.0.1:1","xds":"127.0.0.1:2","pid":{{Environment.ProcessId}}}""");
        cli.Answer = (_, _) => throw new HttpRequestException("gone");
        (await cli.RunAsync("stat", "--data", folder.Path)).ShouldBe(ExitCode.Unreachable);
        cli.Error.ShouldContain($"start it with `weft up --data {folder.Path}`");
    }

    [Theory]
    [InlineData("stat", "weft run --data ")]
    [InlineData("status", "weft run --data ")]
    public async Task Hints_below_an_empty_table_reach_the_same_control_plane(string verb, string hint)
    {
        using var folder = new TemporaryFolder();
        folder.Write("control.json", $$"""{"api":"127.0.0.1:1","xds":"127.0.0.1:2","pid":{{Environment.ProcessId}}}""");
        var cli = new TestCli();
        cli.Environment.Remove("WEFT_SERVER");
        await cli.RunAsync(verb, "--data", folder.Path);
        cli.Out.ShouldContain(hint + folder.Path);
        await cli.RunAsync(verb, "--server", "mesh.test:1");
        cli.Out.ShouldContain("weft run --server mesh.test:1");
    }
}
