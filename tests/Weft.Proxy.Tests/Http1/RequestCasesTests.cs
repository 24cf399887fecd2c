using System.Text.Json;
using Shouldly;
using Weft.Fuzz;
using Xunit;

namespace Weft.Proxy.Tests.Http1;

/// <summary>The independent request cases, as far as bytes alone decide them; timeouts and closing belong to the scenarios with sockets.</summary>
public sealed class RequestCasesTests(ITestOutputHelper output)
{
    [Fact]
    public void Cases_read_by_the_codec_reach_the_bar()
    {
        var cases = MessageCase.Load("http1-requests.json");
        var verdicts = cases.ConvertAll(one => (Case: one, Failure: Judge(one)));
        foreach (var group in verdicts.GroupBy(verdict => verdict.Case.Category).OrderBy(group => group.Key))
            output.WriteLine($"{group.Key,-16} {group.Count(verdict => verdict.Failure is null),4} of {group.Count(),4}");
        foreach (var (one, failure) in verdicts.Where(verdict => verdict.Failure is not null))
            output.WriteLine($"{one.Id} [{one.Expect} {one.Strength}{(one.Core ? " core" : "")}] {one.Title}: {failure}");
        output.WriteLine($"total            {verdicts.Count(verdict => verdict.Failure is null),4} of {cases.Count,4}");

        verdicts.Where(verdict => verdict.Case is { Expect: "reject", Strength: "MUST" } && verdict.Failure is not null).ShouldBeEmpty();
        verdicts.Where(verdict => verdict.Case.ForbiddenTarget is not null && verdict.Failure is not null).ShouldBeEmpty();
        Share(verdicts.Where(verdict => verdict.Case is { Expect: "accept", Core: true })).ShouldBeGreaterThanOrEqualTo(0.99);
        Share(verdicts).ShouldBeGreaterThanOrEqualTo(0.99);
    }

    private static double Share(IEnumerable<(MessageCase Case, string? Failure)> verdicts)
    {
        var all = verdicts.ToList();
        return (double)all.Count(verdict => verdict.Failure is null) / all.Count;
    }

    private static string? Judge(MessageCase one)
    {
        var stream = MessageStream.Requests(one.Input);
        if (one.ForbiddenTarget is { } forbidden && stream.Messages.Exists(message => message.Target.Contains(forbidden, StringComparison.Ordinal)))
            return $"{forbidden} would reach the upstream";
        foreach (var (message, forwarded) in stream.Messages.Where(message => message.Complete).Zip(stream.Forwarded))
        {
            var again = MessageStream.Requests(forwarded);
            if (again.Messages.Count != 1 || again.Leftover != 0) return $"the upstream would read {again}";
            if (message.Authority.Length != 0 && again.Messages[0].Meaning != message.Meaning)
                return $"forwarded with another meaning: {message.Meaning} became {again.Messages[0].Meaning}";
        }
        return one.Expect switch
        {
            "reject" => JudgeReject(one, stream),
            "accept" => JudgeAccept(one, stream),
            _ => JudgeEither(one, stream),
        };
    }

    private static string? JudgeReject(MessageCase one, MessageStream stream)
    {
        if (stream.CompleteMessages > one.OkBefore) return $"{stream.CompleteMessages} messages accepted";
        if (!one.Timeout && !stream.Refused) return "neither refused nor complete: would only end by a timeout";
        return null;
    }

    private static string? JudgeEither(MessageCase one, MessageStream stream)
    {
        var most = one.Source.GetProperty("upstream").GetProperty("max_requests").GetInt32();
        return stream.CompleteMessages > most ? $"{stream.CompleteMessages} messages accepted" : null;
    }

    private static string? JudgeAccept(MessageCase one, MessageStream stream)
    {
        if (stream.Refused) return stream.Error.ToString();
        var expected = one.Source.GetProperty("upstream").GetProperty("requests").EnumerateArray().ToList();
        if (stream.CompleteMessages != expected.Count) return $"{stream.CompleteMessages} messages instead of {expected.Count}";
        for (var i = 0; i < expected.Count; i++)
        {
            var message = stream.Messages[i];
            string Get(string name) => expected[i].TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
            if (message.Start != Get("method")) return $"method {message.Start}";
            if (message.Target != Get("target")) return $"target {message.Target}";
            if (message.Authority != Get("host") && Get("host").Length != 0) return $"authority {message.Authority}";
            if (message.Body.Length != expected[i].GetProperty("body_len").GetInt32()) return $"body {message.Body}";
        }
        return null;
    }
}
