package main

import "regexp"

type patternAnswer struct {
	Error string   `json:"error,omitempty"`
	Found bool     `json:"found"`
	First string   `json:"first"`
	All   []string `json:"all"`
}

func answerPattern(pattern, text string) patternAnswer {
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return patternAnswer{Error: err.Error()}
	}
	return patternAnswer{
		Found: compiled.MatchString(text),
		First: compiled.FindString(text),
		All:   compiled.FindAllString(text, -1),
	}
}
