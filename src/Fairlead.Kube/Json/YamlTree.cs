using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Fairlead.Kube.Json;

/// <summary>
/// Builds JSON of YAML's events, one document. Nesting has an end, and so has what aliases come to: a few lines of them, each naming
/// the one before twice, would fill any memory.
/// </summary>
/// <param name="deepest">How many collections may stand in each other.</param>
/// <param name="mostOfAliases">Characters and nodes that aliases may add.</param>
internal sealed class YamlTree(IParser parser, int deepest, int mostOfAliases)
{
    private readonly Dictionary<string, (JsonNode? Node, int Size, int Height)> _anchors = [];
    private int _depth, _deepest, _size, _ofAliases;

    /// <summary>Null for a stream without a document.</summary>
    /// <exception cref="YamlException">It is no YAML.</exception>
    /// <exception cref="FormatException">JSON has no form for it.</exception>
    /// <exception cref="YamlTooLargeException">Its aliases come to too much.</exception>
    public JsonNode? Read()
    {
        parser.Consume<StreamStart>();
        if (!parser.TryConsume<DocumentStart>(out _)) return null;
        return ReadNode();
    }

    private JsonNode? ReadNode()
    {
        _size++;
        if (parser.TryConsume<AnchorAlias>(out var alias)) return Repeat(alias);
        if (parser.Current is not NodeEvent { Anchor: { IsEmpty: false } anchor }) return ReadContent();
        var (size, before) = (_size, _deepest);
        _deepest = _depth;
        var node = ReadContent();
        // Only when it is whole: what names itself within has no end.
        _anchors[anchor.Value] = (node, _size - size + 1, _deepest - _depth);
        _deepest = Math.Max(_deepest, before);
        return node;
    }

    private JsonNode? ReadContent()
    {
        if (parser.TryConsume<Scalar>(out var scalar))
        {
            _size += scalar.Value.Length;
            return scalar.Style == ScalarStyle.Plain && !scalar.IsQuotedImplicit ? YamlJson.Plain(scalar.Value) : JsonValue.Create(scalar.Value);
        }
        Reach(++_depth);
        JsonNode node = parser.TryConsume<SequenceStart>(out _) ? ReadSequence() : ReadMapping();
        _depth--;
        return node;
    }

    private JsonArray ReadSequence()
    {
        var sequence = new JsonArray();
        while (!parser.TryConsume<SequenceEnd>(out _)) sequence.Add(ReadNode());
        return sequence;
    }

    private JsonObject ReadMapping()
    {
        parser.Consume<MappingStart>();
        var mapping = new JsonObject();
        while (!parser.TryConsume<MappingEnd>(out var _))
        {
            if (!parser.TryConsume<Scalar>(out var key)) throw new FormatException("a key must be text");
            _size += key.Value.Length;
            if (key.Anchor is { IsEmpty: false } anchor) _anchors[anchor.Value] = (JsonValue.Create(key.Value), key.Value.Length, 0);
            if (mapping.ContainsKey(key.Value)) throw new FormatException($"yaml: line {key.Start.Line}: key \"{key.Value}\" already set in map");
            mapping[key.Value] = ReadNode();
        }
        return mapping;
    }

    private JsonNode? Repeat(AnchorAlias alias)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var named))
            throw new FormatException($"yaml: unknown anchor '{alias.Value.Value}' referenced");
        _ofAliases += named.Size;
        if (_ofAliases > mostOfAliases) throw new YamlTooLargeException();
        _size += named.Size;
        Reach(_depth + named.Height);
        return named.Node?.DeepClone();
    }

    private void Reach(int depth)
    {
        if (depth > deepest) throw new FormatException("yaml: exceeded the deepest nesting");
        _deepest = Math.Max(_deepest, depth);
    }
}

/// <summary>A short text that would come to more than its reader takes.</summary>
public sealed class YamlTooLargeException() : FormatException("aliases come to too much");
