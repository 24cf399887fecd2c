using System.Net;
using System.Text.Json.Nodes;
using Shouldly;

namespace Weft.Control.Tests.Api;

internal static class ApiAssertions
{
    public static void ShouldBeOk(this HttpStatusCode code) => code.ShouldBe(HttpStatusCode.OK);

    /// <summary>The answer is a metav1.Status of this code and reason.</summary>
    public static JsonNode ShouldFail(this (int Code, JsonNode Json) answer, int code, string reason)
    {
        answer.Code.ShouldBe(code, answer.Json.ToJsonString());
        ((string?)answer.Json["kind"]).ShouldBe("Status");
        ((string?)answer.Json["status"]).ShouldBe("Failure");
        ((string?)answer.Json["reason"]).ShouldBe(reason);
        ((int)answer.Json["code"]!).ShouldBe(code);
        return answer.Json;
    }

    public static JsonNode ShouldSucceed(this (int Code, JsonNode Json) answer, int code = 200)
    {
        answer.Code.ShouldBe(code, answer.Json.ToJsonString());
        return answer.Json;
    }

    public static async Task<string> NextAsync(this StreamReader watch)
    {
        var line = await watch.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20));
        var json = JsonNode.Parse(line ?? throw new EndOfStreamException())!;
        return $"{json["type"]} {json["object"]!["metadata"]?["name"]}".TrimEnd();
    }
}
