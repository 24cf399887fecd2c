using System.Net;
using Shouldly;
using Xunit;

namespace Weft.Cli.Tests.Verbs;

public sealed class DescribeAndDeleteTests
{
    [Fact]
    public async Task Describe_shows_what_was_written_and_what_the_mesh_says_of_it()
    {
        const string json = """
            {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "catalog", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"team": "shop"}},
             "spec": {"rules": [{"backendRefs": [{"name": "catalog-v1", "port": 80}]}]},
             "status": {"parents": [{"parentRef": {"kind": "Service", "name": "catalog"}, "conditions": [
               {"type": "Accepted", "status": "True", "reason": "Accepted", "message": ""},
               {"type": "ResolvedRefs", "status": "False", "reason": "BackendNotFound", "message": "Service catalog-v1 does not exist"}]}]}}
            """;
        var cli = new TestCli { Answer = (_, _) => (HttpStatusCode.OK, json) };
        (await cli.RunAsync("describe", "httproute", "catalog")).ShouldBe(ExitCode.Ok);
        cli.Out.ShouldBe(
            """
            Kind:        HTTPRoute (gateway.networking.k8s.io/v1)
            Name:        catalog
            Namespace:   default
            Created:     2026-01-01T00:00:00Z
            Labels:      team=shop
            spec:
              rules:
              - backendRefs:
                - name: catalog-v1
                  port: 80
            conditions:
              FOR              TYPE          STATUS  REASON           MESSAGE
              Service catalog  Accepted      True    Accepted         -
              Service catalog  ResolvedRefs  False   BackendNotFound  Service catalog-v1 does not exist

            """);
    }

    [Fact]
    public async Task Delete_from_a_file_goes_backwards_and_an_absent_object_fails_after_the_others_are_gone()
    {
        var cli = new TestCli
        {
            Input = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n---\napiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\n",
            Answer = (request, _) => request.RequestUri!.AbsolutePath.EndsWith("/a", StringComparison.Ordinal)
                ? (HttpStatusCode.OK, "{}")
                : (HttpStatusCode.NotFound, """{"message": "gone"}"""),
        };
        (await cli.RunAsync("delete", "-f", "-")).ShouldBe(ExitCode.Failed);
        cli.Requests.ShouldBe(["DELETE /apis/weft.dev/v1alpha1/meshes/default", "DELETE /api/v1/namespaces/default/services/a"]);
        cli.Out.ShouldBe("Service default/a deleted\n");
        cli.Error.ShouldBe("Mesh default not found\n");
    }
}
