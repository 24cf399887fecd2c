using System.Diagnostics;
using System.Text;
using Shouldly;
using Weft.Resources;
using Xunit;

namespace Weft.Resources.Tests.Documents;

/// <summary>The classic traps of YAML.</summary>
public sealed class YamlTests
{
    [Theory]
    [InlineData("\"80\"", "port must be a whole number 1..65535, not the text \"80\"")]
    [InlineData("80.0", "port must be a whole number 1..65535, not the number 80")]
    [InlineData("8e1", "port must be a whole number 1..65535, not the number 80")]
    [InlineData("true", "port must be a whole number 1..65535, not the boolean true")]
    [InlineData("1:30", "port must be a whole number 1..65535, not the text \"1:30\"")]
    [InlineData("8_080", "port must be a whole number 1..65535, not the text \"8_080\"")]
    [InlineData("0", "port is 0; it must be from 1 to 65535")]
    [InlineData("99999999999999999999999", "port is 99999999999999999999999; it must be from 1 to 65535")]
    [InlineData("-80", "port is -80; it must be from 1 to 65535")]
    [InlineData("[80]", "port must be a whole number 1..65535, not a list")]
    public void Port_takes_only_a_whole_number(string written, string message) =>
        Service($"port: {written}").Diagnostics.Select(d => d.Message).ShouldBe([message]);

    [Theory]
    [InlineData("80", 80)]
    [InlineData("0x50", 80)]
    [InlineData("0o120", 80)]
    [InlineData("0120", 120)] // octal in YAML 1.1, decimal in 1.2
    [InlineData("+80", 80)]
    [InlineData("!!int 80", 80)]
    public void Numbers_follow_the_core_schema(string written, int port)
    {
        var result = Service($"port: {written}");

        result.Diagnostics.ShouldBeEmpty();
        ((Service)result.Resources.Single()).Ports[0].Port.ShouldBe(port);
    }

    [Theory]
    [InlineData("on", "write publishNotReadyAddresses: true")]
    [InlineData("No", "write publishNotReadyAddresses: false")]
    [InlineData("\"true\"", "write publishNotReadyAddresses: true")]
    public void Words_that_once_were_booleans_are_text(string written, string fix)
    {
        var result = ResourceReader.ReadYaml($"apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec:\n  publishNotReadyAddresses: {written}\n  ports: [{{port: 80}}]\n", "f");

        (result.Diagnostics.Single().Code, result.Diagnostics.Single().Fix).ShouldBe(("WEFT1102", fix));
    }

    [Fact]
    public void A_label_that_other_readers_take_for_a_boolean_is_a_warning_and_accepted()
    {
        var result = ResourceReader.ReadYaml("apiVersion: v1\nkind: Namespace\nmetadata: {name: s, labels: {canary: on}}\n", "f");

        result.HasErrors.ShouldBeFalse();
        (result.Diagnostics.Single().Code, result.Diagnostics.Single().Fix).ShouldBe(("WEFT1109", "write \"on\""));
        result.Resources.Single().Metadata.Labels["canary"].ShouldBe("on");
    }

    [Fact]
    public void Unquoted_true_as_a_label_is_refused_with_the_quotes_to_add()
    {
        var result = ResourceReader.ReadYaml("apiVersion: v1\nkind: Namespace\nmetadata: {name: s, labels: {canary: true}}\n", "f");

        (result.Diagnostics.Single().Code, result.Diagnostics.Single().Fix).ShouldBe(("WEFT1102", "put it in quotes: \"true\""));
    }

    [Fact]
    public void A_key_that_stands_twice_is_refused_where_it_stands_the_second_time()
    {
        var result = Service("port: 80\n      port: 81");

        (result.Diagnostics.Single().Code, result.Diagnostics.Single().Line).ShouldBe(("WEFT1003", 7));
        result.Resources.ShouldBeEmpty();
    }

    [Fact]
    public void An_alias_is_its_anchor()
    {
        var result = ResourceReader.ReadYaml("apiVersion: v1\nkind: Service\nmetadata: {name: s, labels: &l {app: s}}\nspec: {selector: *l, ports: [{port: 80}]}\n", "f");

        result.Diagnostics.ShouldBeEmpty();
        ((Service)result.Resources.Single()).Selector["app"].ShouldBe("s");
    }

    [Theory]
    [InlineData("labels: &a {x: *a}", "WEFT1001")]
    [InlineData("labels: *nowhere", "WEFT1001")]
    [InlineData("labels: {<<: {a: b}}", "WEFT1004")]
    [InlineData("labels: {? [a] : b}", "WEFT1004")]
    [InlineData("labels: {a: !secret b}", "WEFT1004")]
    [InlineData("generation: .inf", "WEFT1004")]
    public void What_has_no_json_form_is_refused(string metadata, string code) =>
        ResourceReader.ReadYaml($"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: s\n  {metadata}\n", "f").Diagnostics.ShouldContain(d => d.Code == code);

    [Fact]
    public void A_billion_laughs_are_refused_at_once()
    {
        var text = new StringBuilder("a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for (var c = 'b'; c <= 'i'; c++)
            text.Append(c).Append(": &").Append(c).Append(" [").Append(string.Join(", ", Enumerable.Repeat($"*{(char)(c - 1)}", 9))).Append("]\n");
        var watch = Stopwatch.StartNew();

        var result = ResourceReader.ReadYaml(text.ToString(), "f");

        (result.Diagnostics.Single().Code, result.Diagnostics.Single().Line).ShouldBe(("WEFT1002", 6));
        result.Diagnostics.Single().Message.ShouldContain("ReadOptions.MaxValues");
        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void Depth_and_size_are_bounded()
    {
        ResourceReader.ReadYaml(new string('[', 10_000), "f").Diagnostics.Single().Code.ShouldBe("WEFT1002");
        ResourceReader.ReadJson(Encoding.UTF8.GetBytes(new string('[', 10_000)), "f").Diagnostics.Single().Code.ShouldBe("WEFT1002");
        ResourceReader.ReadYaml(new string(' ', 100), "f", new ReadOptions { MaxTextLength = 99 }).Diagnostics.Single().Code.ShouldBe("WEFT1002");
    }

    [Fact]
    public void Numbers_of_a_million_digits_cost_nothing()
    {
        var digits = new string('9', 1_000_000);
        var watch = Stopwatch.StartNew();

        Service($"port: {digits}").HasErrors.ShouldBeTrue();
        ResourceReader.ReadJson(Encoding.UTF8.GetBytes("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":""" + digits + "}]}}"), "f").HasErrors.ShouldBeTrue();

        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Text_cut_at_every_place_is_read_without_throwing()
    {
        const string Text = "apiVersion: v1\nkind: Service\nmetadata: {name: \"s\", labels: &l {app: 's'}}\nspec:\n  selector: *l\n  ports:\n    - {port: 80}\n---\n- a\n- |\n  x\n  ---\n";
        for (var i = 0; i < Text.Length; i++)
        {
            ResourceReader.ReadYaml(Text[..i], "f");
            ResourceReader.ReadJson(Encoding.UTF8.GetBytes(Text[i..]), "f");
        }
    }

    private static ReadResult Service(string port) =>
        ResourceReader.ReadYaml($"apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec:\n  ports:\n    - {port}\n", "f");
}
