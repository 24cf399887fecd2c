using Weft.Proxy.Mesh;
using Weft.Routing.Requests;
using Weft.Telemetry.Tracing;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// W3C trace context of one request: passed on as it came when it is valid, else a new one (https://www.w3.org/TR/trace-context/ section 3). B3 fields are fields
/// like any other and pass.
/// </summary>
internal ref struct TraceFields
{
    private HeaderField _parent;
    private int _parents;
    private bool _hasState;

    /// <summary>True when the field belongs to the trace context, and is then written by <see cref="Write"/> or not at all.</summary>
    public bool Takes(in HeaderField field)
    {
        if (field.Known == KnownHeader.Traceparent)
        {
            _parent = field;
            _parents++;
            return true;
        }
        if (field.Known != KnownHeader.Tracestate) return false;
        _hasState = true;
        return true;
    }

    public readonly void Write<TWriter>(ref TWriter writer, in RequestHead head, WorkerContext context, bool keepCase, MessageFormBuilder? form)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        // Two parents are none: whoever is behind us might follow the other one.
        if (_parents != 1 || !TraceContext.TryParse(head.Value(_parent), out _))
        {
            Span<byte> text = stackalloc byte[TraceContext.Length];
            TraceContext.Create(context.Chance.Next(), context.Chance.Next(), context.Chance.Next(), sampled: false).Write(text);
            writer.Field("traceparent"u8, text);
            return; // a state belongs to its parent and ends with it (section 3.3)
        }
        Write(ref writer, head, _parent, keepCase, form);
        if (!_hasState) return;
        foreach (ref readonly var field in head.Fields)
        {
            if (field.Known == KnownHeader.Tracestate && !field.HopByHop) Write(ref writer, head, field, keepCase, form);
        }
    }

    private static void Write<TWriter>(ref TWriter writer, in RequestHead head, in HeaderField field, bool keepCase, MessageFormBuilder? form)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        writer.Field(head.Buffer, field, keepCase);
        if (keepCase) form?.Add(head.Buffer, field);
    }
}
