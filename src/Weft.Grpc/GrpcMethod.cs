using Google.Protobuf;

namespace Weft.Grpc;

/// <summary>One method of one service: its path and how both of its messages are parsed.</summary>
/// <param name="Service">Full name of the service with its package, such as <c>envoy.service.discovery.v3.AggregatedDiscoveryService</c>.</param>
/// <param name="Name">The method's name, such as <c>DeltaAggregatedResources</c>.</param>
/// <param name="RequestParser">Parser of the request message.</param>
/// <param name="ResponseParser">Parser of the response message.</param>
public sealed record GrpcMethod<TRequest, TResponse>(
    string Service, string Name, MessageParser<TRequest> RequestParser, MessageParser<TResponse> ResponseParser)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    /// <summary>The <c>:path</c> of its calls.</summary>
    public string Path { get; } = $"/{Service}/{Name}";
}
