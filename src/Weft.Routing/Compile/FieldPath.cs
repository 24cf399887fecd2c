using System.Text;

namespace Weft.Routing.Compile;

/// <summary>Where in a resource the compiler is, written out only when something is refused.</summary>
internal sealed class FieldPath
{
    private readonly FieldPath? _parent;
    private readonly string _name;
    private readonly int _index;

    private FieldPath(FieldPath? parent, string name, int index) => (_parent, _name, _index) = (parent, name, index);

    public static FieldPath Root { get; } = new(null, "", -1);

    public FieldPath Field(string name, int index = -1) => new(this, name, index);

    public override string ToString()
    {
        var text = new StringBuilder();
        Write(text);
        return text.ToString();
    }

    private void Write(StringBuilder text)
    {
        if (_parent is null) return;
        _parent.Write(text);
        if (text.Length > 0) text.Append('.');
        text.Append(_name);
        if (_index >= 0) text.Append('[').Append(_index).Append(']');
    }
}
