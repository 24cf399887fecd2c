using System.Text.Json.Nodes;
using Shouldly;
using Weft.Resources;
using Xunit;

namespace Weft.Resources.Tests.Text;

public sealed class YamlTextTests
{
    [Fact]
    public void Objects_and_lists_are_written_in_blocks() =>
        YamlText.Write(JsonNode.Parse("""{"a":{"b":[1,{"c":"x","d":[]},[true,null]]},"e":{}}""")!).ShouldBe("""
            a:
              b:
              - 1
              - c: x
                d: []
              - - true
                - null
            e: {}

            """);

    [Theory]
    [InlineData("on")]
    [InlineData("80")]
    [InlineData("null")]
    [InlineData("")]
    [InlineData(" x")]
    [InlineData("- x")]
    [InlineData("a: b")]
    [InlineData("a #b")]
    [InlineData("*a")]
    [InlineData("\"q\"")]
    [InlineData("two\nlines\t\\")]
    [InlineData("1:30")]
    [InlineData("é 漢 😀 \u2028 \u0001")]
    [InlineData("plain text")]
    public void Text_comes_back_as_it_was(string value)
    {
        var written = YamlText.Write(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Namespace",
            ["metadata"] = new JsonObject { ["name"] = "n", ["annotations"] = new JsonObject { ["a"] = value } },
        });

        var read = ResourceReader.ReadYaml(written, "f");

        read.Diagnostics.ShouldBeEmpty();
        read.Resources.Single().Metadata.Annotations["a"].ShouldBe(value);
    }
}
