using System.Text;
using Shouldly;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Telemetry.Tests.Outcomes;

public sealed class VocabularyTests
{
    [Fact]
    public void Every_method_reads_back_from_its_text()
    {
        foreach (var method in Enum.GetValues<RequestMethod>())
            Vocabulary.ParseMethod(Encoding.ASCII.GetBytes(method.Text())).ShouldBe(method);
    }

    [Theory]
    [InlineData("get")]
    [InlineData("BREW")]
    [InlineData("")]
    public void Method_nobody_registered_is_other(string token)
    {
        Vocabulary.ParseMethod(Encoding.ASCII.GetBytes(token)).ShouldBe(RequestMethod.Other);
    }

    [Theory]
    [InlineData(200, Fault.None, true)]
    [InlineData(404, Fault.None, true)]
    [InlineData(500, Fault.None, false)]
    [InlineData(0, Fault.None, false)]
    [InlineData(200, Fault.UpstreamReset, false)]
    public void Success_is_the_mesh_and_the_application_both_doing_their_part(int status, Fault fault, bool success)
    {
        new SeriesKey(new EdgeKey(Direction.Inbound, "a/b", "c/d", "", ChannelSecurity.Mtls), status, fault).IsSuccess.ShouldBe(success);
    }
}
