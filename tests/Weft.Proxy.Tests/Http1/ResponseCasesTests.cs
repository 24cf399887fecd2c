using Shouldly;
using Weft.Fuzz;
using Weft.Proxy.Http1;
using Xunit;

namespace Weft.Proxy.Tests.Http1;

/// <summary>The independent response cases, as far as bytes alone decide them.</summary>
public sealed class ResponseCasesTests(ITestOutputHelper output)
{
    [Fact]
    public void Cases_read_by_the_codec_all_hold()
    {
        var cases = MessageCase.Load("http1-responses.json");
        var failures = new List<string>();
        foreach (var one in cases)
        {
            if (Judge(one) is { } failure) failures.Add($"{one.Id} [{one.Expect}] {one.Title}: {failure}");
        }
        foreach (var group in cases.GroupBy(one => one.Expect))
            output.WriteLine($"{group.Key,-20} {group.Count(one => !failures.Exists(failure => failure.StartsWith(one.Id + " ", StringComparison.Ordinal)))} of {group.Count()}");
        failures.ForEach(output.WriteLine);
        failures.ShouldBeEmpty();
    }

    private static string? Judge(MessageCase one)
    {
        var kind = one.Text("request_method") == "HEAD" ? RequestKind.Head : RequestKind.Other;
        var stream = MessageStream.Responses(one.Input, kind, one.Text("then") == "close");
        var final = stream.Messages.Find(message => !message.Start.StartsWith('1') || message.Start.StartsWith("101", StringComparison.Ordinal));
        var delivered = !stream.Refused && final is { Complete: true } && !(stream.LastSaidClose && stream.Leftover > 0);
        foreach (var forwarded in stream.Forwarded)
        {
            var again = MessageStream.Responses(forwarded, kind, closes: true);
            if (again.Refused || again.Leftover != 0) return $"the client would read {again}";
        }
        return one.Expect switch
        {
            "reject" => delivered ? "a complete message would be delivered" : null,
            "accept" when !delivered => $"refused or not complete: {stream}",
            "accept" when one.Text("client_body") is { } body && final!.Body != MessageStream.Latin(Convert.FromBase64String(body)) => $"body {final.Body}",
            _ => null,
        };
    }
}
