namespace Fairlead.Dns.Corefile;

/// <summary>A directive of a server block: its name, its words, and the lines in its braces.</summary>
internal sealed record CorefileDirective(CorefileLine Line, IReadOnlyList<CorefileLine> Body)
{
    internal string Name => Line.Words[0];

    internal IReadOnlyList<string> Arguments { get; } = [.. Line.Words.Skip(1)];
}

/// <summary>What a server block answers for, and how.</summary>
internal sealed record CorefileBlock(CorefileLine Line, IReadOnlyList<string> Keys, IReadOnlyList<CorefileDirective> Directives);

/// <summary>The blocks of a Corefile, before anything in them is understood. Pure.</summary>
internal sealed class CorefileTree
{
    private readonly List<string> _errors;
    private readonly List<CorefileBlock> _blocks = [];
    private List<string> _keys = [];
    private CorefileLine? _blockLine;
    private List<CorefileDirective>? _directives;
    private CorefileLine? _directive;
    private List<CorefileLine>? _body;

    private CorefileTree(List<string> errors) => _errors = errors;

    internal IReadOnlyList<CorefileBlock> Blocks => _blocks;

    internal static CorefileTree Parse(IReadOnlyList<CorefileLine> lines, List<string> errors)
    {
        var tree = new CorefileTree(errors);
        foreach (CorefileLine line in lines)
        {
            tree.Add(line);
        }
        if (tree._blockLine is { } open)
        {
            errors.Add(open.Error(tree._directives is null ? "a server block has no braces" : "the server block is not closed"));
        }
        return tree;
    }

    private void Add(CorefileLine line)
    {
        bool opens = line.Words[^1] == "{", closes = line.Words is ["}"];
        string[] words = opens ? [.. line.Words.SkipLast(1)] : line.Words;
        if (!closes && words.Any(word => word is "{" or "}"))
        {
            _errors.Add(line.Error("a brace opens at the end of a line and closes on a line of its own"));
            return;
        }
        if (_directives is null)
        {
            AddKeys(line, words, opens, closes);
        }
        else if (_body is not null)
        {
            AddBody(line, opens, closes);
        }
        else
        {
            AddDirective(line with { Words = words }, opens, closes);
        }
    }

    private void AddKeys(CorefileLine line, string[] words, bool opens, bool closes)
    {
        if (closes || (opens && words.Length + _keys.Count == 0))
        {
            _errors.Add(line.Error(closes ? "a brace closes that was not opened" : "a server block has no name, such as .:53"));
            return;
        }
        _blockLine ??= line;
        _keys.AddRange(words.Select(word => word.TrimEnd(',')).Where(word => word.Length > 0));
        if (opens)
        {
            _directives = [];
        }
    }

    private void AddDirective(CorefileLine line, bool opens, bool closes)
    {
        if (closes)
        {
            _blocks.Add(new CorefileBlock(_blockLine!, _keys, _directives!));
            (_keys, _blockLine, _directives) = ([], null, null);
        }
        else if (line.Words.Length == 0)
        {
            _errors.Add(line.Error("a directive has no name"));
        }
        else if (opens)
        {
            (_directive, _body) = (line, []);
        }
        else
        {
            _directives!.Add(new CorefileDirective(line, []));
        }
    }

    private void AddBody(CorefileLine line, bool opens, bool closes)
    {
        if (opens)
        {
            _errors.Add(line.Error("braces within a directive are not known"));
        }
        else if (closes)
        {
            _directives!.Add(new CorefileDirective(_directive!, _body!));
            _body = null;
        }
        else
        {
            _body!.Add(line);
        }
    }
}
