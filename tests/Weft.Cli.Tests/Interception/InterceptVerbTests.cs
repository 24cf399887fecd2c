using Shouldly;
using Xunit;

namespace Weft.Cli.Tests.Interception;

/// <summary>What is wrong on the command line is said before anything is asked of the kernel.</summary>
public sealed class InterceptVerbTests
{
    [Theory]
    [InlineData("intercept install --outbound-port 0", "--outbound-port: \"0\" is no port")]
    [InlineData("intercept install --dns-port x", "--dns-port: \"x\" is no port")]
    [InlineData("intercept install --inbound 8080", "--inbound: \"8080\" is not PORT:PORT")]
    [InlineData("intercept install --inbound 8080:70000", "--inbound: \"70000\" is no port")]
    [InlineData("intercept install --inbound 8080:1 --inbound 8080:2", "--inbound: port 8080 is given twice")]
    [InlineData("intercept install --inbound 8080:15001", "port 15001 cannot take both")]
    [InlineData("intercept install --exclude-uid weft", "`id -u NAME` prints it")]
    [InlineData("intercept install --exclude-gid -1", "--exclude-gid")]
    [InlineData("intercept install --exclude-mark 0", "--exclude-mark: \"0\" is no mark")]
    [InlineData("intercept install --exclude-mark 0x1ffffffff", "is no mark")]
    [InlineData("intercept install --exclude-port 65536", "--exclude-port: \"65536\" is no port")]
    [InlineData("intercept install --exclude-port 53", "port 53 is excluded and redirected")]
    [InlineData("intercept install --exclude-range 10.0.0.1/8", "10.0.0.0/8 is the range")]
    [InlineData("intercept install --nameserver dns", "--nameserver: \"dns\" is not an IP address")]
    [InlineData("intercept install --tool ufw", "ufw")]
    [InlineData("intercept show --netns no-such-namespace", "there is no network namespace /run/netns/no-such-namespace")]
    [InlineData("intercept show -o yaml", "yaml")]
    [InlineData("intercept", "Required command")]
    public async Task A_wrong_value_is_answered_with_2_and_named(string line, string named)
    {
        var cli = new TestCli();
        (await cli.RunAsync(line.Split(' '))).ShouldBe(ExitCode.Usage);
        cli.Error.ShouldContain(named);
    }
}
