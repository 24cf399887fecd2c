using Shouldly;
using Weft.Control.Model;
using Weft.Resources;
using Xunit;

namespace Weft.Control.Tests.Model;

public sealed class PortProtocolTests
{
    [Theory]
    [InlineData("appProtocol: http", PortProtocol.Http, "appProtocol http")]
    [InlineData("appProtocol: HTTP", PortProtocol.Http, "appProtocol HTTP")]
    [InlineData("appProtocol: kubernetes.io/ws", PortProtocol.Http, "appProtocol kubernetes.io/ws")]
    [InlineData("appProtocol: kubernetes.io/wss", PortProtocol.Tls, "appProtocol kubernetes.io/wss")]
    [InlineData("appProtocol: kubernetes.io/h2c", PortProtocol.Http2, "appProtocol kubernetes.io/h2c")]
    [InlineData("appProtocol: grpc", PortProtocol.Http2, "appProtocol grpc")]
    [InlineData("appProtocol: https", PortProtocol.Tls, "appProtocol https")]
    [InlineData("appProtocol: mysql", PortProtocol.Tcp, "appProtocol mysql")]
    [InlineData("appProtocol: linkerd.io/opaque", PortProtocol.Tcp, "appProtocol linkerd.io/opaque")]
    [InlineData("appProtocol: tcp, name: http", PortProtocol.Tcp, "appProtocol tcp")] // said outright, it wins
    [InlineData("appProtocol: example.org/own, name: redis", PortProtocol.Tcp, "port name redis")] // a word that nobody knows says nothing
    [InlineData("name: http", PortProtocol.Http, "port name http")]
    [InlineData("name: http2-internal", PortProtocol.Http2, "port name http2-internal")]
    [InlineData("name: grpc", PortProtocol.Http2, "port name grpc")]
    [InlineData("name: grpc-web", PortProtocol.Http, "port name grpc-web")]
    [InlineData("name: grpc-web-public", PortProtocol.Http, "port name grpc-web-public")]
    [InlineData("name: tls-in", PortProtocol.Tls, "port name tls-in")]
    [InlineData("name: postgres-main", PortProtocol.Tcp, "port name postgres-main")]
    [InlineData("name: httpd", PortProtocol.Undeclared, "nothing declares it")] // a prefix ends with its hyphen
    [InlineData("name: admin", PortProtocol.Undeclared, "nothing declares it")]
    [InlineData("name: admin, port: 5432", PortProtocol.Tcp, "well-known port 5432")]
    [InlineData("name: http, port: 3306", PortProtocol.Http, "port name http")]
    public void A_port_carries_what_the_first_word_about_it_says(string port, PortProtocol expected, string reason) =>
        Decide(port).ShouldBe(new PortProtocolDecision(expected, reason));

    [Fact]
    public void A_route_of_connections_says_it_for_the_ports_that_it_names_and_that_say_nothing_themselves()
    {
        var service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{name: a, port: 1000}, {name: b, port: 1001}, {name: http, port: 80}]}";
        Protocols(service, Route("TCPRoute", "t", "port: 1000")).ShouldBe(["1000 Tcp (TCPRoute default/t)", "1001 Undeclared (nothing declares it)", "80 Http (port name http)"]);
        Protocols(service, Route("TLSRoute", "t", "sectionName: b")).ShouldBe(["1000 Undeclared (nothing declares it)", "1001 Tls (TLSRoute default/t)", "80 Http (port name http)"]);
        // TLS takes both sorts of routes, so it is TLS.
        Protocols(service, Route("TCPRoute", "a", "port: 1000"), Route("TLSRoute", "b", "port: 1000"))[0].ShouldBe("1000 Tls (TLSRoute default/b)");
        // What a consumer writes is for his own calls, and says nothing of the port to others.
        Protocols(service, Route("TCPRoute", "t", "port: 1000, namespace: default").Replace("{name: t}", "{name: t, namespace: shop}"))[0].ShouldBe("1000 Undeclared (nothing declares it)");
    }

    [Fact]
    public void A_route_that_comes_and_goes_changes_the_ports_that_it_speaks_of_alone()
    {
        var service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{name: a, port: 1000}, {name: b, port: 1001}]}";
        var before = MeshModel.Build(new ModelInputs(MeshModelTests.Read(service), [], 1));

        var with = MeshModel.Build(new ModelInputs(MeshModelTests.Read($"{service}\n---\n{Route("TCPRoute", "t", "port: 1000")}"), [], 2), before);
        var after = MeshModel.Build(new ModelInputs(MeshModelTests.Read(service), [], 3), with);

        Port(with, 1000).ShouldNotBeSameAs(Port(before, 1000));
        Port(with, 1001).ShouldBeSameAs(Port(before, 1001));
        Port(after, 1000)!.Protocol.Protocol.ShouldBe(PortProtocol.Undeclared);
    }

    private static MeshServicePort? Port(MeshModel model, int number) => model.FindPort(new ServicePortKey("s", "default", number));

    private static string[] Protocols(params string[] documents) =>
        [.. MeshModel.Build(new ModelInputs(MeshModelTests.Read(string.Join("\n---\n", documents)), [], 1)).Services.Values.Single().Ports.OrderBy(p => p.Name).Select(p => $"{p.Key.Port} {p.Protocol.Protocol} ({p.Protocol.Reason})")];

    private static string Route(string kind, string name, string parent) =>
        $"apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{parentRefs: [{{group: \"\", kind: Service, name: s, {parent}}}], rules: [{{backendRefs: [{{name: s, port: 1001}}]}}]}}";

    private static PortProtocolDecision Decide(string port)
    {
        var fields = port.Contains("port: ", StringComparison.Ordinal) ? port : $"{port}, port: 9999";
        var service = (Service)MeshModelTests.Read($"apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{ports: [{{{fields}}}]}}").Single();
        return PortProtocolDecision.Of(service.Ports.Single(), claim: null);
    }
}
